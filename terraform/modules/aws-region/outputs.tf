output "region" {
  description = "This region's entry of the cluster file."
  value = {
    name        = var.region
    bucket      = var.prefix == "" ? "s3://${var.bucket}" : "s3://${var.bucket}/${var.prefix}"
    address     = var.address
    replication = var.replication
  }
}

output "peer" {
  description = "What the peers of this region need to know: an entry of their variable peers."
  value = {
    region      = var.region
    bucket      = var.bucket
    prefix      = var.prefix
    kms_key_arn = one(aws_kms_key.this[*].arn)
  }
}

output "bucket_arn" {
  description = "The bucket."
  value       = local.bucket_arn
  depends_on  = [aws_s3_bucket_versioning.this]
}

output "kms_key_arn" {
  description = "The key of the bucket's objects; null where S3 has its own."
  value       = one(aws_kms_key.this[*].arn)
}

output "policies" {
  description = "The policy of each role of isobath, as JSON."
  value       = local.policies
}

output "policy_arns" {
  description = "The IAM policy of each role of isobath."
  value       = { for role, policy in aws_iam_policy.role : role => policy.arn }
}

output "role_arns" {
  description = "The IAM role of each kind of process in nodes."
  value       = { for node, role in aws_iam_role.node : node => role.arn }
}

output "bucket_policy" {
  description = "The bucket's policy, as JSON; whether it is attached says the variable of that name."
  value       = local.bucket_policy
}

output "shared" {
  description = "What of the bucket nodes of other regions read, relative to its prefix: all but what never leaves the region."
  value       = local.shared
}
