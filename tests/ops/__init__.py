"""What surrounds the program: Terraform, packages, documents."""
