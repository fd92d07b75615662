# S3 copies the log of one region into the buckets of the others: one rule per destination.
#
# Only log/{region}/ is copied, which only this region writes: so no copy is copied on. Deletions stay where they
# are: every bucket collects its own garbage.

locals {
  bucket_arn = "arn:${var.partition}:s3:::${var.bucket}"
  filter     = "${var.prefix == "" ? "" : "${var.prefix}/"}log/${var.region}/"
  names      = sort(keys(var.destinations))
}

resource "aws_s3_bucket_replication_configuration" "this" {
  bucket = var.bucket
  role   = aws_iam_role.this.arn

  dynamic "rule" {
    for_each = local.names
    content {
      id       = "log-${var.region}-to-${rule.value}"
      status   = "Enabled"
      priority = rule.key + 1

      filter {
        prefix = local.filter
      }
      delete_marker_replication {
        status = "Disabled"
      }
      dynamic "source_selection_criteria" {
        for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
        content {
          sse_kms_encrypted_objects {
            status = "Enabled"
          }
        }
      }
      destination {
        bucket        = var.destinations[rule.value].bucket_arn
        storage_class = "STANDARD"
        dynamic "encryption_configuration" {
          for_each = var.destinations[rule.value].kms_key_arn == null ? [] : [var.destinations[rule.value].kms_key_arn]
          content {
            replica_kms_key_id = encryption_configuration.value
          }
        }
        dynamic "replication_time" {
          for_each = var.time_control ? [15] : []
          content {
            status = "Enabled"
            time {
              minutes = replication_time.value
            }
          }
        }
        dynamic "metrics" {
          for_each = var.time_control ? [15] : []
          content {
            status = "Enabled"
            event_threshold {
              minutes = metrics.value
            }
          }
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name        = "isobath-${var.region}-s3-replication"
  description = "S3 copies the log of region ${var.region}."
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "copy-the-log"
  role   = aws_iam_role.this.id
  policy = local.policy
}

locals {
  destination_keys = compact([for name in local.names : var.destinations[name].kms_key_arn])
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Source"
          Effect   = "Allow"
          Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
          Resource = [local.bucket_arn]
        },
        {
          Sid      = "Read"
          Effect   = "Allow"
          Action   = ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"]
          Resource = ["${local.bucket_arn}/${local.filter}*"]
        },
        {
          Sid      = "Copy"
          Effect   = "Allow"
          Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
          Resource = [for name in local.names : "${var.destinations[name].bucket_arn}/${local.filter}*"]
        },
      ],
      var.kms_key_arn == null ? [] : [{
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
      }],
      length(local.destination_keys) == 0 ? [] : [{
        Sid      = "Encrypt"
        Effect   = "Allow"
        Action   = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource = local.destination_keys
      }],
    )
  })
}
