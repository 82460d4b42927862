"""Google Cloud: Run, Monitoring and Logging, through REST and gRPC."""
