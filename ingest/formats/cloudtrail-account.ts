import { accountOf, type Identity } from './cloudtrail-identity.js'
import { defined, isObject, type JsonRecord } from './fields.js'

/** OCSF Account Change activities of IAM's and Identity Center's calls that change one user. */
const ACCOUNT_CHANGES: { readonly [operation: string]: number } = {
  CreateUser: 1,
  CreateLoginProfile: 2,
  ChangePassword: 3,
  UpdateLoginProfile: 4,
  DeleteLoginProfile: 5,
  DeleteUser: 6,
  AttachUserPolicy: 7,
  PutUserPolicy: 7,
  PutUserPermissionsBoundary: 7,
  DetachUserPolicy: 8,
  DeleteUserPolicy: 8,
  DeleteUserPermissionsBoundary: 8,
  EnableMFADevice: 10,
  DeactivateMFADevice: 11,
}

const SERVICES = new Set(['iam.amazonaws.com', 'identitystore.amazonaws.com', 'sso-directory.amazonaws.com'])

export type AccountChange = { activity_id: number; user: JsonRecord; policies: JsonRecord[] | undefined }

/** The change a call makes to a user's account; undefined for other calls, and where nobody says whose account. */
export function accountChange(
  service: string,
  operation: string,
  request: unknown,
  response: unknown,
  identity: Identity,
): AccountChange | undefined {
  if (!SERVICES.has(service) || !Object.hasOwn(ACCOUNT_CHANGES, operation)) return undefined
  const asked = isObject(request) ? request : {}
  const answer = isObject(response) && isObject(response.user) ? response.user : {}
  const name = text(asked.userName) ?? text(answer.userName)
  const arn = text(answer.arn)
  const id = text(answer.userId) ?? text(asked.userId)
  const isOwn = name === undefined && arn === undefined && id === undefined
  // Whoever changes a password without naming a user changes the own one.
  if (isOwn && operation !== 'ChangePassword') return undefined
  const user = isOwn
    ? identity.user
    : defined({
        name,
        uid: arn ?? id,
        uid_alt: arn === undefined ? undefined : id,
        type: 'IAMUser',
        type_id: 1,
        account: accountOf(identity.account),
      })
  const policy = text(asked.policyArn) ?? text(asked.permissionsBoundary)
  const policyName = text(asked.policyName)
  const policies =
    policy === undefined && policyName === undefined ? undefined : [defined({ uid: policy, name: policyName })]
  return { activity_id: ACCOUNT_CHANGES[operation] as number, user, policies }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
