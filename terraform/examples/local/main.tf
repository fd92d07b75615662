# Three regions on emulators, for a laptop and for tests: Terraform's own requests go to moto, and the nodes use buckets
# of the same names on MinIO. Nothing here reaches AWS.

variable "endpoint" {
  description = "Where moto listens."
  type        = string
  default     = "http://127.0.0.1:5000"
}

variable "store" {
  description = "Where MinIO listens, which the nodes use."
  type        = string
  default     = "http://127.0.0.1:9000"
}

variable "ports" {
  description = "Where the nodes listen."
  type        = map(number)
  default     = { use1 = 7751, euw1 = 7752, apse1 = 7753 }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "local"
  secret_key                  = "local"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = var.endpoint
    kms = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

provider "aws" {
  alias                       = "euw1"
  region                      = "eu-west-1"
  access_key                  = "local"
  secret_key                  = "local"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = var.endpoint
    kms = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

provider "aws" {
  alias                       = "apse1"
  region                      = "ap-southeast-1"
  access_key                  = "local"
  secret_key                  = "local"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    iam = var.endpoint
    kms = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

locals {
  address = { for region, port in var.ports : region => "http://127.0.0.1:${port}" }
  nodes   = { node = ["write", "query", "index", "compact", "replicate"] }
  # Nobody assumes roles here.
  trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# moto denies everything in a bucket that has a policy with a condition.
module "use1" {
  source        = "../../modules/aws-region"
  region        = "use1"
  bucket        = "isobath-use1"
  prefix        = "prod"
  address       = local.address.use1
  peers         = [module.euw1.peer, module.apse1.peer]
  nodes         = local.nodes
  trust_policy  = local.trust_policy
  bucket_policy = false
}

module "euw1" {
  source        = "../../modules/aws-region"
  providers     = { aws = aws.euw1 }
  region        = "euw1"
  bucket        = "isobath-euw1"
  prefix        = "prod"
  address       = local.address.euw1
  peers         = [module.use1.peer, module.apse1.peer]
  nodes         = local.nodes
  trust_policy  = local.trust_policy
  bucket_policy = false
}

module "apse1" {
  source        = "../../modules/aws-region"
  providers     = { aws = aws.apse1 }
  region        = "apse1"
  bucket        = "isobath-apse1"
  prefix        = "prod"
  address       = local.address.apse1
  peers         = [module.use1.peer, module.euw1.peer]
  nodes         = local.nodes
  trust_policy  = local.trust_policy
  bucket_policy = false
}

module "from_use1" {
  source      = "../../modules/aws-replication"
  region      = "use1"
  bucket      = module.use1.peer.bucket
  prefix      = "prod"
  kms_key_arn = module.use1.kms_key_arn
  destinations = {
    euw1  = { bucket_arn = module.euw1.bucket_arn, kms_key_arn = module.euw1.kms_key_arn }
    apse1 = { bucket_arn = module.apse1.bucket_arn, kms_key_arn = module.apse1.kms_key_arn }
  }
  time_control = true
  depends_on   = [module.use1, module.euw1, module.apse1]
}

module "audit" {
  source        = "../../modules/aws-audit"
  bucket        = "isobath-audit"
  regions       = ["use1", "euw1", "apse1"]
  bucket_policy = false
}

output "isobath" {
  description = "The cluster file: its keys and nothing else."
  value = {
    region = [
      for region in [module.use1.region, module.euw1.region, module.apse1.region] : merge(region, {
        endpoint   = var.store
        env_prefix = "${upper(region.name)}_"
      })
    ]
  }
}

output "policies" {
  description = "By region and role, the policies as JSON."
  value       = { use1 = module.use1.policies, euw1 = module.euw1.policies, apse1 = module.apse1.policies }
}

output "bucket_policy" {
  description = "The policy that the first bucket would have on AWS."
  value       = module.use1.bucket_policy
}

output "audit_policies" {
  description = "By region, the policy of who adds audit records."
  value       = module.audit.append_policies
}
