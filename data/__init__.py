"""Files that ship with musiclc: the model. README.md says where each comes from and how to rebuild it."""
