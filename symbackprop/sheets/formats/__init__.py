"""The formats of a sheet: each turns blocks into text with its own templates and its own escaping."""
