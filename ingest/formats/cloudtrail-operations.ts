/** OCSF Authentication activities by CloudTrail's event names. The rest of the API is API Activity. */
const LOGON = 1
const LOGOFF = 2
const TICKET = 3
const SWITCH = 7
const AUTHENTICATION: { readonly [service: string]: { readonly [operation: string]: number } } = {
  'signin.amazonaws.com': {
    ConsoleLogin: LOGON,
    UserAuthentication: LOGON,
    CredentialVerification: LOGON,
    CheckMfa: LOGON,
    ExternalIdPDirectoryLogin: LOGON,
    GetSigninToken: TICKET,
    AssumeRole: SWITCH,
    SwitchRole: SWITCH,
    RenewRole: SWITCH,
    ExitRole: LOGOFF,
    Logout: LOGOFF,
  },
  'sts.amazonaws.com': {
    AssumeRole: SWITCH,
    AssumeRoot: SWITCH,
    AssumeRoleWithSAML: TICKET,
    AssumeRoleWithWebIdentity: TICKET,
    GetSessionToken: TICKET,
    GetFederationToken: TICKET,
  },
  'sso.amazonaws.com': {
    Authenticate: LOGON,
    Federate: LOGON,
    UserAuthentication: LOGON,
    CreateToken: TICKET,
    CreateTokenWithIAM: TICKET,
    GetRoleCredentials: TICKET,
    Logout: LOGOFF,
  },
  'rolesanywhere.amazonaws.com': { CreateSession: TICKET },
  'eks-auth.amazonaws.com': { AssumeRoleForPodIdentity: TICKET },
}

/** The activity_id of class Authentication if the call is one, else undefined. */
export function authenticationActivity(service: string, operation: string): number | undefined {
  const operations = Object.hasOwn(AUTHENTICATION, service) ? AUTHENTICATION[service] : undefined
  return operations && Object.hasOwn(operations, operation) ? operations[operation] : undefined
}

const VERBS: { readonly [verb: string]: number } = Object.fromEntries(
  [
    {
      activity: 1,
      verbs:
        'Create Add Run Register Allocate Import Upload Issue Publish Request Subscribe Copy Clone Send Submit Initiate Generate Provision Deploy Install Record',
    },
    {
      activity: 2,
      verbs:
        'Get List Describe Head Read Search Query Scan Lookup Check Validate Verify Preview Estimate Select View Filter Discover Decrypt Download Retrieve Receive Simulate Test Poll Detect Encrypt Sign Export',
    },
    {
      activity: 3,
      verbs:
        'Update Modify Put Write Set Change Attach Detach Associate Disassociate Enable Disable Start Stop Reboot Restart Reset Rotate Authorize Revoke Grant Tag Untag Replace Restore Assign Unassign Apply Accept Reject Activate Deactivate Resume Suspend Promote Move Rename Failover Upgrade Share Transfer Complete Resize Configure Increase Decrease Switch Migrate Merge Swap Refresh Renew Reload Extend Confirm Acknowledge Link Unlink Lock Unlock Pause Join',
    },
    {
      activity: 4,
      verbs:
        'Delete Remove Terminate Deregister Release Cancel Purge Destroy Leave Unsubscribe Abort Uninstall Discard Expire',
    },
  ].flatMap(({ activity, verbs }) => verbs.split(' ').map((verb) => [verb, activity])),
)

/** Names whose first word misleads. */
const EXCEPTIONS: { readonly [operation: string]: number } = {
  PutObject: 1,
  ScheduleKeyDeletion: 4,
  CancelKeyDeletion: 3,
  GenerateDataKey: 2,
}

/**
 * OCSF API Activity: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other, from the verb an operation's name begins with
 * (`BatchGetItem` begins with Get). `readOnly` wins where CloudTrail says it.
 */
export function apiActivity(operation: string, readOnly: boolean | undefined): number {
  if (readOnly === true) return 2
  if (Object.hasOwn(EXCEPTIONS, operation)) return EXCEPTIONS[operation] as number
  const verb = /^(?:Batch)?([A-Z][a-z]+)/.exec(operation)?.[1]
  return verb !== undefined && Object.hasOwn(VERBS, verb) ? (VERBS[verb] as number) : 99
}
