"""Every RPC with an HTTP rule in the contract, in proto3 JSON; routes are made from the descriptors."""
