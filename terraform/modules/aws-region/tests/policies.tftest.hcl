# What each role may do, compared statement by statement; what none may do; what the bucket refuses.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/own", key_id = "own" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/some" }
  }
}

variables {
  region = "use1"
  bucket = "books-use1"
  prefix = "prod"
  peers = [
    { region = "euw1", bucket = "books-euw1", prefix = "prod", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/euw1" },
    { region = "apse1", bucket = "books-apse1" },
  ]
}

run "each_role_creates_what_it_makes_and_nothing_else" {
  assert {
    condition = alltrue([
      for role, keys in {
        write     = ["audit/use1/*", "claim/use1/*", "log/use1/*", "marker", "probe/*"]
        query     = ["probe/*"]
        index     = ["data/*/index/*", "probe/*"]
        compact   = ["checkpoint/*", "data/*", "floor/*", "manifest/*", "pin/*", "probe/*"]
        replicate = ["ack/*", "cluster/*", "data/*/dead/*", "data/*/part/*", "log/apse1/*", "log/euw1/*", "probe/*"]
        restore   = ["checkpoint/*", "claim/*", "data/*", "floor/*", "manifest/*", "marker", "probe/*"]
        } : [for key in keys : "arn:aws:s3:::books-use1/prod/${key}"] == flatten([
          for statement in jsondecode(output.policies[role]).Statement : statement.Resource
          if contains(statement.Action, "s3:PutObject")
      ])
    ])
    error_message = "A role creates other objects than those that it makes."
  }
}

run "only_compact_deletes_and_never_what_is_kept_for_ever" {
  assert {
    condition = alltrue([
      for role, policy in output.policies : join(" ", [
        for resource in flatten([
          for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "s3:DeleteObject")
        ]) : trimprefix(resource, "arn:aws:s3:::books-use1/prod/")
      ]) == (role == "compact" ? "ack/* checkpoint/* data/* log/* manifest/* pin/* probe/*" : "probe/*")
    ])
    error_message = "A role deletes more than it may."
  }
}

run "no_role_has_any_other_action" {
  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : [
          for action in statement.Action : contains([
            "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"
          ], action)
        ] if statement.Effect == "Allow"
      ]
    ]))
    error_message = "A role has an action that it does not need."
  }
  assert {
    condition = alltrue([
      for policy in values(output.policies) : contains(flatten([
        for statement in jsondecode(policy).Statement : statement.Action if statement.Effect == "Deny"
      ]), "s3:DeleteObjectVersion")
    ])
    error_message = "A role deletes versions, which are what takes back a deletion."
  }
}

run "only_replicate_and_restore_read_the_peers_and_nothing_resident" {
  assert {
    condition = alltrue([
      for role, policy in output.policies : contains(["replicate", "restore"], role) == anytrue([
        for resource in flatten([for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "s3:GetObject")]) :
        startswith(resource, "arn:aws:s3:::books-euw1/prod/data/")
      ])
    ])
    error_message = "Data of peers is read by others than replicate and restore."
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for resource in flatten([for statement in jsondecode(policy).Statement : statement.Resource]) :
        !startswith(resource, "arn:aws:s3:::books-euw1/prod/resident") && !startswith(resource, "arn:aws:s3:::books-euw1/prod/audit")
        && resource != "arn:aws:s3:::books-euw1/*" && resource != "arn:aws:s3:::books-euw1/prod/*" && resource != "*"
      ]
    ]))
    error_message = "What is resident in a peer's bucket can be read."
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : [
          for resource in statement.Resource : startswith(resource, "arn:aws:s3:::books-use1/prod/")
        ] if contains(statement.Action, "s3:PutObject")
      ]
    ]))
    error_message = "A role writes into the bucket of a peer."
  }
}

run "keys_are_used_by_who_needs_them" {
  assert {
    condition = alltrue([
      for role, policy in output.policies : contains(["replicate", "restore", "compact", "write"], role) == contains(flatten([
        for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "kms:Decrypt")
      ]), "arn:aws:kms:eu-west-1:123456789012:key/euw1")
    ])
    error_message = "A role decrypts what it does not read."
  }
  assert {
    condition = alltrue([
      for policy in values(output.policies) : flatten([
        for statement in jsondecode(policy).Statement : statement.Resource if contains(statement.Action, "kms:GenerateDataKey")
      ]) == ["arn:aws:kms:us-east-1:123456789012:key/own"]
    ])
    error_message = "A role encrypts under another key than the bucket's."
  }
}

run "the_bucket_is_closed_and_keeps_versions_for_a_while" {
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy
      && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "The bucket may become public."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket is not versioned."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists are in force."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : alltrue([for e in rule.expiration : e.days == null || e.days == 0])])
    error_message = "A rule deletes current objects."
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.noncurrent_version_expiration) == 1
      ]) && anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.abort_incomplete_multipart_upload) == 1
    ])
    error_message = "Deleted versions or unfinished uploads stay for ever."
  }
}

run "the_bucket_refuses_plain_http_and_overwriting" {
  assert {
    condition = alltrue([
      for statement in jsondecode(output.bucket_policy).Statement : statement.Effect == "Deny" && statement.Principal == "*"
    ])
    error_message = "The bucket's policy grants something."
  }
  assert {
    condition = one([
      for statement in jsondecode(output.bucket_policy).Statement : statement.Condition if statement.Sid == "OnlyTls"
    ]) == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "Plain HTTP is not refused."
  }
  assert {
    condition = alltrue([
      for key in ["marker", "log/*", "claim/*", "floor/*", "manifest/*", "checkpoint/*", "cluster/*"] : contains(flatten([
        for statement in jsondecode(output.bucket_policy).Statement : statement.Resource if statement.Sid == "CreatedOnce"
      ]), "arn:aws:s3:::books-use1/prod/${key}")
    ])
    error_message = "A numbered object may be overwritten."
  }
}

run "nodes_have_the_policies_of_their_roles" {
  variables {
    nodes        = { writer = ["write", "compact"], reader = ["query"] }
    trust_policy = "{\"Version\": \"2012-10-17\", \"Statement\": []}"
  }
  assert {
    condition     = keys(aws_iam_role_policy_attachment.node) == ["reader/query", "writer/compact", "writer/write"]
    error_message = "A node has policies of roles that it does not have."
  }
}

run "nodes_need_somebody_who_may_be_them" {
  command = plan
  variables {
    nodes = { writer = ["write"] }
  }
  expect_failures = [aws_iam_role.node]
}

run "unknown_roles_are_refused" {
  command = plan
  variables {
    nodes        = { writer = ["wirte"] }
    trust_policy = "{}"
  }
  expect_failures = [var.nodes]
}

run "the_cluster_file_has_its_keys" {
  variables {
    address = "https://use1.example.com"
  }
  assert {
    condition = output.region == {
      name        = "use1"
      bucket      = "s3://books-use1/prod"
      address     = "https://use1.example.com"
      replication = "relay"
    }
    error_message = "The entry of the cluster file is another."
  }
}
