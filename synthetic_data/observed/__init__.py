"""What a synthetic study shows of the figures that are published: one module a subject, one function a measure."""
