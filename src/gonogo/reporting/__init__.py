"""A decided run into text: the board, the files of its folder, the job page."""
