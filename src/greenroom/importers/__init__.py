"""Other systems' exports, read into a draft. Importers are strangers to one another."""
