"""The simulated siblings: what they answer, over HTTP and gRPC, and the faults they can be told to play."""
