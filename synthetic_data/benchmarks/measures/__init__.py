"""How a published figure is measured in a synthetic study: one module a subject, one function a measure."""
