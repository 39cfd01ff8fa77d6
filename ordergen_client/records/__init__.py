"""What calls take and answer, as frozen records, and as messages of the contract."""
