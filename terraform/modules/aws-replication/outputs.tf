output "policy" {
  description = "What S3 may do for the replication, as JSON."
  value       = local.policy
}

output "rules" {
  description = "The rules, by destination: id, and what the keys that it copies begin with."
  value       = { for name in local.names : name => { id = "log-${var.region}-to-${name}", prefix = local.filter } }
}
