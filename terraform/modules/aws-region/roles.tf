# One policy per role of isobath, and one IAM role per kind of process, with the policies of its roles.

resource "aws_iam_policy" "role" {
  for_each    = local.roles
  name        = "isobath-${var.region}-${each.key}"
  description = "What the role ${each.key} of isobath does in region ${var.region}."
  policy      = local.policies[each.key]
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(replace(local.policies[each.key], "/\\s/", "")) <= 6144
      error_message = "AWS takes policies of up to 6144 characters: too many peers for the role ${each.key}."
    }
  }
}

resource "aws_iam_role" "node" {
  for_each           = var.nodes
  name               = "isobath-${var.region}-${each.key}"
  description        = "isobath in region ${var.region}: ${join(", ", each.value)}."
  assume_role_policy = var.trust_policy
  tags               = var.tags

  lifecycle {
    precondition {
      condition     = var.trust_policy != null
      error_message = "trust_policy says who may assume the roles of nodes."
    }
  }
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = merge([
    for node, roles in var.nodes : { for role in roles : "${node}/${role}" => { node = node, role = role } }
  ]...)
  role       = aws_iam_role.node[each.value.node].name
  policy_arn = aws_iam_policy.role[each.value.role].arn
}
