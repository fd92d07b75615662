output "region" {
  description = "This region's entry of the cluster file."
  value = {
    name        = var.region
    bucket      = var.prefix == "" ? "gs://${var.bucket}" : "gs://${var.bucket}/${var.prefix}"
    address     = var.address
    replication = "relay"
  }
}

output "service_accounts" {
  description = "The service account of each kind of process in nodes, and of each of the readers."
  value       = { for name, account in merge(google_service_account.node, google_service_account.reader) : name => account.email }
}
