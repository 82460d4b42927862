"""Object stores that speak S3: backups, archives and their checksums."""
