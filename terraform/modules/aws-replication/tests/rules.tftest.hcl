# One rule for each destination, which copies the own log and nothing else.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/some", id = "some" }
  }
}

variables {
  region      = "use1"
  bucket      = "books-use1"
  prefix      = "prod"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/use1"
  destinations = {
    euw1  = { bucket_arn = "arn:aws:s3:::books-euw1", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/euw1" }
    apse1 = { bucket_arn = "arn:aws:s3:::books-apse1" }
  }
}

run "one_rule_per_destination_copies_the_own_log" {
  assert {
    condition     = [for rule in aws_s3_bucket_replication_configuration.this.rule : rule.id] == ["log-use1-to-apse1", "log-use1-to-euw1"]
    error_message = "There is not one rule for each destination."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_replication_configuration.this.rule : rule.filter[0].prefix == "prod/log/use1/"])
    error_message = "A rule copies something else than the own log: copies would be copied on."
  }
  assert {
    condition     = length(distinct([for rule in aws_s3_bucket_replication_configuration.this.rule : rule.priority])) == 2
    error_message = "Two rules have the same priority."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_replication_configuration.this.rule : rule.delete_marker_replication[0].status == "Disabled"])
    error_message = "Deletions are replicated."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_replication_configuration.this.rule : rule.source_selection_criteria[0].sse_kms_encrypted_objects[0].status == "Enabled"])
    error_message = "What is encrypted under a key is not copied."
  }
}

run "copies_are_encrypted_under_the_key_of_their_bucket" {
  assert {
    condition = {
      for rule in aws_s3_bucket_replication_configuration.this.rule :
      rule.destination[0].bucket => join(" ", rule.destination[0].encryption_configuration[*].replica_kms_key_id)
      } == {
      "arn:aws:s3:::books-apse1" = ""
      "arn:aws:s3:::books-euw1"  = "arn:aws:kms:eu-west-1:123456789012:key/euw1"
    }
    error_message = "A copy is encrypted under another key."
  }
}

run "s3_may_copy_the_log_and_delete_nothing" {
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(output.policy).Statement : [
        for action in statement.Action : !contains(["s3:ReplicateDelete", "s3:DeleteObject", "s3:PutObject", "s3:*", "*"], action)
      ]
    ]))
    error_message = "S3 may do more than copy."
  }
  assert {
    condition = flatten([
      for statement in jsondecode(output.policy).Statement : statement.Resource if contains(statement.Action, "s3:ReplicateObject")
    ]) == ["arn:aws:s3:::books-apse1/prod/log/use1/*", "arn:aws:s3:::books-euw1/prod/log/use1/*"]
    error_message = "S3 may copy something else than the log."
  }
}

run "no_time_control_unless_asked_for" {
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_replication_configuration.this.rule : length(rule.destination[0].replication_time) == 0])
    error_message = "Time control costs, and nobody asked for it."
  }
}

run "time_control_is_measured" {
  variables {
    time_control = true
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.this.rule :
      rule.destination[0].replication_time[0].time[0].minutes == 15 && rule.destination[0].metrics[0].event_threshold[0].minutes == 15
    ])
    error_message = "Time control is not set up."
  }
}
