# What each role of isobath may do, as the table of keys in storage/src/store/keys says who makes what.
#
# - Everybody reads the own bucket. Without ListBucket S3 would answer 403 where the log needs 404.
# - Nobody deletes a marker, a claim, a floor, a membership or an audit record, or a version of anything.
# - Only compact deletes; of the log only what a floor has said to be gone, which it decides itself.
# - Nobody writes into the bucket of another region: each region makes the copies that it holds.

locals {
  bucket_arn = "arn:${var.partition}:s3:::${var.bucket}"
  base_arn   = var.prefix == "" ? local.bucket_arn : "${local.bucket_arn}/${var.prefix}"
  roles      = toset(["write", "query", "index", "compact", "replicate", "restore"])
  others     = sort(concat(var.peers[*].region, var.foreign_peers))

  # What a role creates in the own bucket. A process probes the bucket when it starts, under probe/.
  creates = {
    write     = ["audit/${var.region}/*", "claim/${var.region}/*", "log/${var.region}/*", "marker", "probe/*"]
    query     = ["probe/*"]
    index     = ["data/*/index/*", "probe/*"]
    compact   = ["checkpoint/*", "data/*", "floor/*", "manifest/*", "pin/*", "probe/*"]
    replicate = concat(["ack/*", "cluster/*", "data/*/dead/*", "data/*/part/*"], [for other in local.others : "log/${other}/*"], ["probe/*"])
    restore   = ["checkpoint/*", "claim/*", "data/*", "floor/*", "manifest/*", "marker", "probe/*"]
  }
  deletes = {
    for role in local.roles : role => role == "compact" ? ["ack/*", "checkpoint/*", "data/*", "log/*", "manifest/*", "pin/*", "probe/*"] : ["probe/*"]
  }

  # What of another region's bucket its peers read: everything but what never leaves it.
  shared = ["ack/*", "checkpoint/*", "claim/*", "cluster/*", "data/*", "floor/*", "log/*", "manifest/*", "marker"]
  peers = [for peer in var.peers : {
    bucket_arn  = "arn:${var.partition}:s3:::${peer.bucket}"
    base_arn    = "arn:${var.partition}:s3:::${peer.bucket}${peer.prefix == "" ? "" : "/${peer.prefix}"}"
    kms_key_arn = peer.kms_key_arn
  }]
  sources = [for source in var.restore_from : {
    bucket_arn  = "arn:${var.partition}:s3:::${source.bucket}"
    base_arn    = "arn:${var.partition}:s3:::${source.bucket}${source.prefix == "" ? "" : "/${source.prefix}"}"
    kms_key_arn = source.kms_key_arn
  }]

  # The other buckets that a role reads, and what of them.
  reads = {
    write     = { from = local.peers, what = ["ack/*", "cluster/*", "marker"] }
    query     = { from = [], what = [] }
    index     = { from = [], what = [] }
    compact   = { from = local.peers, what = ["ack/*", "cluster/*", "marker"] }
    replicate = { from = local.peers, what = local.shared }
    restore   = { from = concat(local.peers, local.sources), what = concat(local.shared, ["pin/*"]) }
  }
  # The keys that a role decrypts with; what it creates is encrypted under the bucket's own.
  decrypts = {
    for role in local.roles : role => compact(concat(aws_kms_key.this[*].arn, local.reads[role].from[*].kms_key_arn))
  }

  statements = {
    for role in local.roles : role => concat(
      [
        {
          Sid      = "List"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = concat([local.bucket_arn], local.reads[role].from[*].bucket_arn)
        },
        {
          Sid    = "Read"
          Effect = "Allow"
          Action = ["s3:GetObject"]
          Resource = concat(
            ["${local.base_arn}/*"],
            flatten([for bucket in local.reads[role].from : [for what in local.reads[role].what : "${bucket.base_arn}/${what}"]]),
          )
        },
        {
          Sid      = "Create"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
          Resource = [for what in local.creates[role] : "${local.base_arn}/${what}"]
        },
        {
          Sid      = "Delete"
          Effect   = "Allow"
          Action   = ["s3:DeleteObject"]
          Resource = [for what in local.deletes[role] : "${local.base_arn}/${what}"]
        },
        {
          Sid      = "KeepVersions"
          Effect   = "Deny"
          Action   = ["s3:DeleteObjectVersion"]
          Resource = ["${local.bucket_arn}/*"]
        },
      ],
      !var.encrypt_with_kms ? [] : [
        {
          Sid      = "Decrypt"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = local.decrypts[role]
        },
        {
          Sid      = "Encrypt"
          Effect   = "Allow"
          Action   = ["kms:GenerateDataKey"]
          Resource = aws_kms_key.this[*].arn
        },
      ],
    )
  }
  policies = {
    for role in local.roles : role => jsonencode({ Version = "2012-10-17", Statement = local.statements[role] })
  }
}
