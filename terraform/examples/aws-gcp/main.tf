# One region on AWS, one on Google Cloud: each reads the other's bucket with credentials of its own for it.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.70, < 7.0"
    }
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0, < 8.0"
    }
  }
}

variable "name" {
  description = "What the names of the buckets begin with; they must be free in both clouds."
  type        = string
}

variable "project" {
  description = "The project of Google Cloud."
  type        = string
}

variable "domain" {
  description = "The domain below which each region has a name."
  type        = string
}

variable "trust_policy" {
  description = "Who may assume the nodes' IAM roles on AWS, as JSON."
  type        = string
}

provider "aws" {
  region = "us-east-1"
}

provider "google" {
  project = var.project
}

module "use1" {
  source        = "../../modules/aws-region"
  region        = "use1"
  bucket        = "${var.name}-use1"
  address       = "https://isobath-use1.${var.domain}"
  foreign_peers = ["gew1"]
  nodes         = { node = ["write", "query", "index", "compact", "replicate"] }
  trust_policy  = var.trust_policy
}

module "gew1" {
  source   = "../../modules/gcp-region"
  project  = var.project
  region   = "gew1"
  bucket   = "${var.name}-gew1"
  location = "europe-west1"
  address  = "https://isobath-gew1.${var.domain}"
  others   = ["use1"]
  nodes    = { node = ["write", "query", "index", "compact", "replicate"] }
  readers  = ["reader"]
}

# What the nodes on Google Cloud read the bucket on AWS with: give its access key to them as USE1_AWS_*. The nodes on
# AWS read the bucket on Google Cloud as its service account `reader`: give a key of it to them as GEW1_GOOGLE_*.
resource "aws_iam_user" "gew1" {
  name = "isobath-gew1-reads-use1"
}

resource "aws_iam_user_policy" "gew1" {
  name = "read"
  user = aws_iam_user.gew1.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [module.use1.bucket_arn]
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for what in module.use1.shared : "${module.use1.bucket_arn}/${what}"]
      },
      {
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [module.use1.kms_key_arn]
      },
    ]
  })
}

output "isobath" {
  description = "The cluster file: its keys and nothing else."
  value = {
    region = [
      merge(module.use1.region, { env_prefix = "USE1_" }),
      merge(module.gew1.region, { env_prefix = "GEW1_" }),
    ]
  }
}

output "service_accounts" {
  description = "The service accounts on Google Cloud."
  value       = module.gew1.service_accounts
}
