"""A Report as text: JSON, Markdown, HTML and plain lines. Numbers by ``format``, foreign text by ``escape``."""
