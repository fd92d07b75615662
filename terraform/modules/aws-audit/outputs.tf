output "bucket_arn" {
  description = "The bucket."
  value       = local.bucket_arn
}

output "append_policies" {
  description = "By region, the policy of who adds records, as JSON."
  value       = local.append_policies
}

output "append_policy_arns" {
  description = "By region, the IAM policy of who adds records."
  value       = { for region, policy in aws_iam_policy.append : region => policy.arn }
}

output "bucket_policy" {
  description = "The bucket's policy, as JSON."
  value       = local.bucket_policy
}
