variable "project" {
  description = "The project that everything belongs to."
  type        = string
}

variable "region" {
  description = "The region's name in isobath, of up to 12 characters, since it is part of the accounts' names. It is also part of every key of its log: choose it once."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$", var.region))
    error_message = "1 to 12 characters of a-z, 0-9 and '-', with neither end a '-'."
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
}

variable "location" {
  description = "Where the bucket lies: a region of Google Cloud, or the multi-region that holds both regions of dual_region."
  type        = string
}

variable "dual_region" {
  description = "Two regions of Google Cloud that both hold every object, as one bucket; empty for a bucket in one place."
  type        = list(string)
  default     = []
  validation {
    condition     = contains([0, 2], length(var.dual_region))
    error_message = "None or two."
  }
}

variable "turbo" {
  description = "Whether Google replicates a dual-region bucket within 15 minutes. Costs per GB."
  type        = bool
  default     = false
}

variable "key_location" {
  description = "Where the key lies: as the bucket does. Null to take location."
  type        = string
  default     = null
}

variable "address" {
  description = "Where the nodes of the region answer those of the others, as host:port or a URL; null for a region that is alone."
  type        = string
  default     = null
}

variable "others" {
  description = "The names of the other regions of the cluster: copies of their logs are created here."
  type        = list(string)
  default     = []
}

variable "nodes" {
  description = "Service accounts to make for processes: a name, and the isobath roles that the process has."
  type        = map(set(string))
  default     = { node = ["write", "query", "index", "compact"] }
  validation {
    condition = alltrue([
      for roles in values(var.nodes) : length(setsubtract(roles, ["write", "query", "index", "compact", "replicate", "restore"])) == 0
    ])
    error_message = "The roles are write, query, index, compact, replicate and restore."
  }
}

variable "readers" {
  description = "Service accounts to make for nodes of other regions, which read what is not resident: their names."
  type        = set(string)
  default     = []
}

variable "noncurrent_days" {
  description = "For so many days what isobath deleted can be taken back by versions, and is paid for."
  type        = number
  default     = 7
}

variable "labels" {
  description = "Labels of everything that has some."
  type        = map(string)
  default     = {}
}
