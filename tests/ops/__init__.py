"""What surrounds the program: Terraform, metrics and their dashboards, packages, documents."""
