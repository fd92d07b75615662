# A bucket for records that nobody changes or deletes before their time.

locals {
  bucket_arn = "arn:${var.partition}:s3:::${var.bucket}"
}

resource "aws_s3_bucket" "this" {
  bucket              = var.bucket
  object_lock_enabled = true
  tags                = var.tags
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]
  rule {
    default_retention {
      mode = var.mode
      days = var.retention_days
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = var.kms_key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "old-records"
    status = var.expire_after_days == null ? "Disabled" : "Enabled"
    filter {}
    expiration {
      days = coalesce(var.expire_after_days, var.retention_days + 1)
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  lifecycle {
    precondition {
      condition     = var.expire_after_days == null ? true : var.expire_after_days > var.retention_days
      error_message = "expire_after_days must be more than retention_days."
    }
  }
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.access_log_bucket == null ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_log_bucket
  target_prefix = "${var.bucket}/"
}

resource "aws_s3_bucket_policy" "this" {
  count      = var.bucket_policy ? 1 : 0
  bucket     = aws_s3_bucket.this.id
  policy     = local.bucket_policy
  depends_on = [aws_s3_bucket_public_access_block.this]
}

locals {
  bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
  # Adds records, and can neither read nor delete one.
  append_policies = {
    for region in var.regions : region => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [{
          Sid      = "Append"
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = ["${local.bucket_arn}/audit/${region}/*"]
        }],
        var.kms_key_arn == null ? [] : [{
          Sid      = "Encrypt"
          Effect   = "Allow"
          Action   = ["kms:GenerateDataKey"]
          Resource = [var.kms_key_arn]
        }],
      )
    })
  }
}

resource "aws_iam_policy" "append" {
  for_each    = var.regions
  name        = "isobath-${each.key}-audit"
  description = "Adds audit records of region ${each.key}; reads and deletes none."
  policy      = local.append_policies[each.key]
  tags        = var.tags
}
