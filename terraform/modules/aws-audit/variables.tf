variable "bucket" {
  description = "The name of the bucket."
  type        = string
}

variable "regions" {
  description = "The names in isobath of the regions whose records it takes, each under audit/{region}/."
  type        = set(string)
}

variable "mode" {
  description = "'COMPLIANCE': nobody deletes a record before its time, not even the account's root. 'GOVERNANCE': who has a right of its own for it does."
  type        = string
  default     = "COMPLIANCE"
  validation {
    condition     = contains(["COMPLIANCE", "GOVERNANCE"], var.mode)
    error_message = "Either 'COMPLIANCE' or 'GOVERNANCE'."
  }
}

variable "retention_days" {
  description = "For how many days a record cannot be deleted. It can be raised later for new records, not lowered for old ones."
  type        = number
  default     = 365
  validation {
    condition     = var.retention_days >= 1
    error_message = "At least 1 day."
  }
}

variable "expire_after_days" {
  description = "After so many days records are deleted; null to keep them for ever. More than retention_days."
  type        = number
  default     = null
}

variable "kms_key_arn" {
  description = "The key that records are encrypted under; null for one of S3."
  type        = string
  default     = null
}

variable "access_log_bucket" {
  description = "A bucket that takes S3's access logs of this one; null for none."
  type        = string
  default     = null
}

variable "bucket_policy" {
  description = "Whether the bucket gets its policy. False for emulators only that deny everything once there is one."
  type        = bool
  default     = true
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
