# What each role of isobath may do. A right to create objects does not include one to overwrite them: that takes a
# right to delete, which only compact has, and not for the log's claims and floors.

locals {
  object = "projects/_/buckets/${var.bucket}/objects/${var.prefix == "" ? "" : "${var.prefix}/"}"

  creates = {
    write     = ["audit/${var.region}/", "claim/${var.region}/", "log/${var.region}/", "marker", "probe/"]
    query     = ["probe/"]
    index     = ["data/", "probe/"]
    compact   = ["checkpoint/", "data/", "floor/", "manifest/", "pin/", "probe/"]
    replicate = concat(["ack/", "cluster/", "data/"], [for other in var.others : "log/${other}/"], ["probe/"])
    restore   = ["checkpoint/", "claim/", "data/", "floor/", "manifest/", "marker", "probe/"]
  }
  deletes = {
    for role in keys(local.creates) : role => role == "compact" ? ["ack/", "checkpoint/", "data/", "log/", "manifest/", "pin/", "probe/"] : ["probe/"]
  }
  # Indexes lie at data/{namespace}/index/…; conditions compare beginnings, and find out what stands between two texts.
  index_only = "resource.name.startsWith('${local.object}data/') && resource.name.extract('/data/{namespace}/index/') != ''"
  # What nodes of other regions read: everything but what never leaves the region.
  shared = ["ack/", "checkpoint/", "claim/", "cluster/", "data/", "floor/", "log/", "manifest/", "marker"]

  # One binding of each right to each account, with all prefixes of all its roles.
  created = { for node, roles in var.nodes : node => distinct(flatten([for role in roles : local.creates[role]])) }
  deleted = { for node, roles in var.nodes : node => distinct(flatten([for role in roles : local.deletes[role]])) }
  # Of a process that only indexes, the pattern; of one that also compacts or copies, all of data/.
  indexes = { for node, roles in var.nodes : node => contains(roles, "index") && length(setintersection(roles, ["compact", "replicate", "restore"])) == 0 }
}

resource "google_service_account" "node" {
  for_each     = var.nodes
  project      = var.project
  account_id   = "isobath-${var.region}-${each.key}"
  display_name = "isobath in ${var.region}: ${join(", ", each.value)}"
}

resource "google_service_account" "reader" {
  for_each     = var.readers
  project      = var.project
  account_id   = "isobath-${var.region}-${each.key}"
  display_name = "isobath in ${var.region}: read by other regions"
}

# Without the right to list, Google would answer 403 where the log needs 404.
resource "google_project_iam_custom_role" "list" {
  project     = var.project
  role_id     = "isobath_${replace(var.region, "-", "_")}_list"
  title       = "isobath ${var.region}: list"
  permissions = ["storage.objects.list"]
}

resource "google_project_iam_custom_role" "get" {
  project     = var.project
  role_id     = "isobath_${replace(var.region, "-", "_")}_get"
  title       = "isobath ${var.region}: get"
  permissions = ["storage.objects.get"]
}

resource "google_project_iam_custom_role" "create" {
  project     = var.project
  role_id     = "isobath_${replace(var.region, "-", "_")}_create"
  title       = "isobath ${var.region}: create"
  permissions = ["storage.multipartUploads.abort", "storage.multipartUploads.create", "storage.objects.create"]
}

resource "google_project_iam_custom_role" "delete" {
  project     = var.project
  role_id     = "isobath_${replace(var.region, "-", "_")}_delete"
  title       = "isobath ${var.region}: delete"
  permissions = ["storage.objects.delete"]
}

resource "google_storage_bucket_iam_member" "list" {
  for_each = merge(google_service_account.node, google_service_account.reader)
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.list.id
  member   = "serviceAccount:${each.value.email}"
}

resource "google_storage_bucket_iam_member" "get" {
  for_each = google_service_account.node
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.get.id
  member   = "serviceAccount:${each.value.email}"
}

resource "google_storage_bucket_iam_member" "get_shared" {
  for_each = google_service_account.reader
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.get.id
  member   = "serviceAccount:${each.value.email}"
  condition {
    title      = "what other regions read"
    expression = join(" || ", [for what in local.shared : "resource.name.startsWith('${local.object}${what}')"])
  }
}

resource "google_storage_bucket_iam_member" "create" {
  for_each = var.nodes
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.create.id
  member   = "serviceAccount:${google_service_account.node[each.key].email}"
  condition {
    title = "what its roles make"
    expression = join(" || ", concat(
      [
        for what in local.created[each.key] : "resource.name.startsWith('${local.object}${what}')"
        if !(local.indexes[each.key] && what == "data/")
      ],
      local.indexes[each.key] ? [local.index_only] : [],
    ))
  }
}

resource "google_storage_bucket_iam_member" "delete" {
  for_each = var.nodes
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.delete.id
  member   = "serviceAccount:${google_service_account.node[each.key].email}"
  condition {
    title      = "what its roles delete"
    expression = join(" || ", [for what in local.deleted[each.key] : "resource.name.startsWith('${local.object}${what}')"])
  }
}
