"""Pages that show the document: Swagger UI and ReDoc, and nothing that another origin would have to give."""
