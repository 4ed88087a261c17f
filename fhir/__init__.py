"""A result becomes a FHIR resource here; this package shares its name with the library `fhir.resources`."""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
