"""What people and earlier runs recorded: files, sign-offs, declarations, loads, watches and recoveries."""
