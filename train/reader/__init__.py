"""The reader: a small checkpoint of SmolVLM's architecture, trained from nothing on drawn documents and scenes."""
