"""Between protobuf and the domain: requests in, answers and statuses out."""
