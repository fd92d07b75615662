variable "region" {
  description = "The region's name in isobath. It is part of every key of its log: choose it once."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.region))
    error_message = "1 to 32 characters of a-z, 0-9 and '-', with neither end a '-'."
  }
}

variable "bucket" {
  description = "The name of the region's bucket, for nothing but isobath."
  type        = string
}

variable "prefix" {
  description = "What all keys begin with, without slashes at its ends; empty for the whole bucket."
  type        = string
  default     = ""
  validation {
    condition     = !startswith(var.prefix, "/") && !endswith(var.prefix, "/")
    error_message = "Neither begins nor ends with a slash."
  }
}

variable "address" {
  description = "Where the nodes of the region answer those of the others, as host:port or a URL; null for a region that is alone."
  type        = string
  default     = null
}

variable "replication" {
  description = "How the logs of the other regions come into this bucket: 'relay', the nodes copy them, or 'managed', the stores do (module aws-replication)."
  type        = string
  default     = "relay"
  validation {
    condition     = contains(["relay", "managed"], var.replication)
    error_message = "Either 'relay' or 'managed'."
  }
}

variable "peers" {
  description = "The other regions of the cluster that have buckets on AWS: the role replicate reads theirs and creates copies of their logs here, and others ask up to where theirs hold the log."
  type = list(object({
    region      = string
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
  default = []
}

variable "foreign_peers" {
  description = "The names of the other regions whose buckets are on another cloud: copies of their logs are created here, and reading theirs is granted there."
  type        = list(string)
  default     = []
}

variable "restore_from" {
  description = "Buckets besides the peers' that may be restored into this one."
  type = list(object({
    bucket      = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  }))
  default = []
}

variable "nodes" {
  description = "IAM roles to make for processes: a name, and the isobath roles that the process has. Needs trust_policy."
  type        = map(set(string))
  default     = {}
  validation {
    condition = alltrue([
      for roles in values(var.nodes) : length(setsubtract(roles, ["write", "query", "index", "compact", "replicate", "restore"])) == 0
    ])
    error_message = "The roles are write, query, index, compact, replicate and restore."
  }
}

variable "trust_policy" {
  description = "Who may assume the IAM roles of nodes: a trust policy as JSON, for EC2, ECS or the service account of a Kubernetes cluster."
  type        = string
  default     = null
}

variable "encrypt_with_kms" {
  description = "Whether objects are encrypted under a KMS key of the region's own; else under one of S3."
  type        = bool
  default     = true
}

variable "bucket_policy" {
  description = "Whether the bucket gets its policy. False for emulators only that deny everything once there is one."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "For so many days what isobath deleted can be taken back by S3's versions, and is paid for."
  type        = number
  default     = 7
  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "At least 1 day."
  }
}

variable "access_log_bucket" {
  description = "A bucket that takes S3's access logs of this one; null for none. Each request to the store becomes a line."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether terraform destroy deletes a bucket that holds objects. The bucket is the data."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything that has some."
  type        = map(string)
  default     = {}
}

variable "partition" {
  description = "The partition of AWS: 'aws', 'aws-cn' or 'aws-us-gov'."
  type        = string
  default     = "aws"
}
