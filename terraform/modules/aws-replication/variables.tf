variable "region" {
  description = "The name in isobath of the region whose log is replicated."
  type        = string
}

variable "bucket" {
  description = "The region's bucket, which is versioned."
  type        = string
}

variable "prefix" {
  description = "What all keys of the bucket begin with; empty for the whole bucket."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "The key of the bucket's objects; null where S3 has its own."
  type        = string
  default     = null
}

variable "destinations" {
  description = "The buckets of the other regions, by their names in isobath. Their keys begin with the same prefix as those of the source."
  type = map(object({
    bucket_arn  = string
    kms_key_arn = optional(string)
  }))
  validation {
    condition     = length(var.destinations) >= 1
    error_message = "At least one destination."
  }
}

variable "time_control" {
  description = "Whether S3 promises to replicate 99.9 % of the objects within 15 minutes, and measures it. Costs per GB."
  type        = bool
  default     = false
}

variable "partition" {
  description = "The partition of AWS: 'aws', 'aws-cn' or 'aws-us-gov'."
  type        = string
  default     = "aws"
}

variable "tags" {
  description = "Tags of everything that has some."
  type        = map(string)
  default     = {}
}
