"""What we need from MongoDB: ports (protocols), and the only rooms that know the driver or start a server."""
