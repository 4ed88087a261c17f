"""What may come in, one marshmallow schema per moment."""
