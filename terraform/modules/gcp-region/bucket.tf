# The region's bucket. Everything that isobath knows lies in it; nothing here may delete a current object.

resource "google_storage_bucket" "this" {
  project                     = var.project
  name                        = var.bucket
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  rpo                         = length(var.dual_region) == 0 ? null : var.turbo ? "ASYNC_TURBO" : "DEFAULT"
  labels                      = var.labels
  depends_on                  = [google_kms_crypto_key_iam_member.storage]

  dynamic "custom_placement_config" {
    for_each = length(var.dual_region) == 0 ? [] : [var.dual_region]
    content {
      data_locations = custom_placement_config.value
    }
  }

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this.id
  }

  # Versions are what takes back a deletion: no second copy of what they keep.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.noncurrent_days
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }
}

data "google_storage_project_service_account" "this" {
  project = var.project
}

resource "google_kms_key_ring" "this" {
  project  = var.project
  name     = "isobath-${var.region}"
  location = coalesce(var.key_location, lower(var.location))
}

resource "google_kms_crypto_key" "this" {
  name            = "bucket"
  key_ring        = google_kms_key_ring.this.id
  rotation_period = "7776000s"
  labels          = var.labels

  lifecycle {
    prevent_destroy = true
  }
}

# Google's own account of the project encrypts and decrypts; nodes never see the key.
resource "google_kms_crypto_key_iam_member" "storage" {
  crypto_key_id = google_kms_crypto_key.this.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
}
