"""Control connection: messages between the supervisor and its workers."""
