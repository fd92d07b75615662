# Records cannot be changed or deleted before their time, and who adds them can do nothing else.

mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/some" }
  }
}

variables {
  bucket         = "books-audit"
  regions        = ["use1", "euw1"]
  retention_days = 400
}

run "records_are_locked" {
  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled
    error_message = "The bucket has no Object Lock."
  }
  assert {
    condition     = aws_s3_bucket_object_lock_configuration.this.rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "Somebody may delete records."
  }
  assert {
    condition     = aws_s3_bucket_object_lock_configuration.this.rule[0].default_retention[0].days == 400
    error_message = "Records are kept for another time."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Object Lock needs versions."
  }
}

run "who_adds_records_does_nothing_else" {
  assert {
    condition = alltrue([
      for region, policy in output.append_policies : jsondecode(policy).Statement == [{
        Sid      = "Append"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["arn:aws:s3:::books-audit/audit/${region}/*"]
      }]
    ])
    error_message = "Who adds records may do something else."
  }
}

run "records_do_not_expire_before_their_time" {
  command = plan
  variables {
    expire_after_days = 400
  }
  expect_failures = [aws_s3_bucket_lifecycle_configuration.this]
}

run "other_modes_are_refused" {
  command = plan
  variables {
    mode = "NONE"
  }
  expect_failures = [var.mode]
}
