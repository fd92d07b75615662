# Three regions of AWS that all take writes and answer queries.
#
#   terraform init && terraform apply
#   terraform output -json isobath > cluster.json      # the cluster file of all nodes

variable "name" {
  description = "What the names of the buckets begin with; they must be free in all of AWS."
  type        = string
}

variable "domain" {
  description = "The domain below which each region has a name: isobath-use1.DOMAIN, …"
  type        = string
}

variable "managed_replication" {
  description = "Whether S3 copies the logs between the buckets; else the nodes do, in seconds."
  type        = bool
  default     = false
}

variable "trust_policy" {
  description = "Who may assume the nodes' IAM roles, as JSON."
  type        = string
}

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "euw1"
  region = "eu-west-1"
}

provider "aws" {
  alias  = "apse1"
  region = "ap-southeast-1"
}

locals {
  replication = var.managed_replication ? "managed" : "relay"
  bucket      = { for region in ["use1", "euw1", "apse1"] : region => "${var.name}-${region}" }
  nodes       = { node = ["write", "query", "index", "compact", "replicate"], restore = ["restore"] }
}

module "use1" {
  source       = "../../modules/aws-region"
  region       = "use1"
  bucket       = local.bucket.use1
  address      = "https://isobath-use1.${var.domain}"
  replication  = local.replication
  peers        = [module.euw1.peer, module.apse1.peer]
  nodes        = local.nodes
  trust_policy = var.trust_policy
}

module "euw1" {
  source       = "../../modules/aws-region"
  providers    = { aws = aws.euw1 }
  region       = "euw1"
  bucket       = local.bucket.euw1
  address      = "https://isobath-euw1.${var.domain}"
  replication  = local.replication
  peers        = [module.use1.peer, module.apse1.peer]
  nodes        = local.nodes
  trust_policy = var.trust_policy
}

module "apse1" {
  source       = "../../modules/aws-region"
  providers    = { aws = aws.apse1 }
  region       = "apse1"
  bucket       = local.bucket.apse1
  address      = "https://isobath-apse1.${var.domain}"
  replication  = local.replication
  peers        = [module.use1.peer, module.euw1.peer]
  nodes        = local.nodes
  trust_policy = var.trust_policy
}

module "from_use1" {
  count       = var.managed_replication ? 1 : 0
  source      = "../../modules/aws-replication"
  region      = "use1"
  bucket      = module.use1.peer.bucket
  kms_key_arn = module.use1.kms_key_arn
  destinations = {
    euw1  = { bucket_arn = module.euw1.bucket_arn, kms_key_arn = module.euw1.kms_key_arn }
    apse1 = { bucket_arn = module.apse1.bucket_arn, kms_key_arn = module.apse1.kms_key_arn }
  }
  depends_on = [module.use1, module.euw1, module.apse1]
}

module "from_euw1" {
  count       = var.managed_replication ? 1 : 0
  source      = "../../modules/aws-replication"
  providers   = { aws = aws.euw1 }
  region      = "euw1"
  bucket      = module.euw1.peer.bucket
  kms_key_arn = module.euw1.kms_key_arn
  destinations = {
    use1  = { bucket_arn = module.use1.bucket_arn, kms_key_arn = module.use1.kms_key_arn }
    apse1 = { bucket_arn = module.apse1.bucket_arn, kms_key_arn = module.apse1.kms_key_arn }
  }
  depends_on = [module.use1, module.euw1, module.apse1]
}

module "from_apse1" {
  count       = var.managed_replication ? 1 : 0
  source      = "../../modules/aws-replication"
  providers   = { aws = aws.apse1 }
  region      = "apse1"
  bucket      = module.apse1.peer.bucket
  kms_key_arn = module.apse1.kms_key_arn
  destinations = {
    use1 = { bucket_arn = module.use1.bucket_arn, kms_key_arn = module.use1.kms_key_arn }
    euw1 = { bucket_arn = module.euw1.bucket_arn, kms_key_arn = module.euw1.kms_key_arn }
  }
  depends_on = [module.use1, module.euw1, module.apse1]
}

output "isobath" {
  description = "The cluster file: its keys and nothing else."
  value       = { region = [module.use1.region, module.euw1.region, module.apse1.region] }
}

output "role_arns" {
  description = "By region, the IAM roles of its nodes."
  value       = { use1 = module.use1.role_arns, euw1 = module.euw1.role_arns, apse1 = module.apse1.role_arns }
}
