import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { surest } from '../../test/corpus.js'
import { eventOf, eventsOf, fixtureCase, RECEIVED, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { cloudtrail } from './cloudtrail.js'
import { apiActivity } from './cloudtrail-operations.js'

const given = (name: string) => fixtureCase('cloudtrail/records.jsonl', name)
const convert = (name: string, config?: object) => eventOf(cloudtrail, given(name), config)

test('a refused call of a user: actor, target, status, time, no workload', () => {
  const event = convert('user reads a secret and is refused')
  assert.equal(event.class_uid, 6003)
  assert.equal(event.activity_name, 'Read')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15))
  assert.equal(event.status, 'Failure')
  assert.equal(event.status_code, 'AccessDenied')
  assert.deepEqual(event.api.response, { error: 'AccessDenied', error_message: 'not authorized' })
  assert.deepEqual(event.api.request, {
    uid: 'req-0001',
    flags: ['readOnly', 'managementEvent'],
    data: { secretId: 'prod/db' },
  })
  assert.deepEqual(event.actor.user, {
    name: 'alice',
    uid: 'arn:aws:iam::123456789012:user/alice',
    uid_alt: 'AIDAEXAMPLEALICE00001',
    type: 'IAMUser',
    type_id: 1,
    account: { uid: '123456789012', type: 'AWS Account', type_id: 10 },
    credential_uid: 'AKIAEXAMPLEKEY000001',
  })
  assert.deepEqual(event.resources, [
    { name: 'prod/db', type: 'AWS::SecretsManager::Secret', role_id: 1, role: 'Target' },
  ])
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.66' })
  assert.equal(event.dst_endpoint.hostname, 'secretsmanager.eu-central-1.amazonaws.com')
  assert.equal(event.cloud.region, 'eu-central-1')
  assert.equal(event.metadata.uid, '00000000-0000-4000-8000-000000000001')
  assert.equal(event.workload, undefined)
  assert.deepEqual(event.unmapped, {
    'tlsDetails.tlsVersion': 'TLSv1.3',
    'tlsDetails.cipherSuite': 'TLS_AES_128_GCM_SHA256',
  })
})

test("a function's role acts as the function, also in a stranger's hands", () => {
  const stolen = convert('stolen credentials of a function')
  assert.equal(stolen.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.equal(stolen.activity_name, 'Create')
  assert.equal(stolen.actor.user.name, 'orders-role')
  assert.deepEqual(stolen.actor.session, {
    uid: 'orders',
    issuer: 'arn:aws:iam::123456789012:role/orders-role',
    created_time: Date.UTC(2026, 0, 12, 7),
    is_mfa: false,
    credential_uid: 'ASIAEXAMPLEKEY000001',
  })
  assert.equal(convert('function by user agent').workload?.uid, 'function/aws/123456789012/eu-central-1/invoice')
  const scoped = convert('function by scope')
  assert.equal(scoped.workload?.uid, 'function/aws/123456789012/eu-west-1/resize')
  assert.equal(scoped.workload?.group, 'resize:7')
  assert.deepEqual(
    scoped.resources?.map(({ uid, name }: any) => [uid, name]),
    [
      ['arn:aws:s3:::pictures/a.png', undefined],
      ['arn:aws:s3:::pictures', 'pictures'],
    ],
  )
})

test('configured roles are functions; roles of people are not', () => {
  const record = { ...given('function by user agent'), userAgent: 'aws-cli/2' }
  assert.equal(eventOf(cloudtrail, record).workload, undefined)
  const event = eventOf(cloudtrail, record, { function_roles: ['other', 'any-*-name'] })
  assert.equal(event.workload?.name, 'invoice')
  assert.equal(convert('human session').workload, undefined)
})

test('an instance profile session acts as the instance; a single instance called upon is the workload', () => {
  const event = convert('instance session')
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(event.workload?.group, 'web-instance')
  assert.equal(convert('one instance stopped').workload?.uid, 'vm/i-0aaaaaaaaaaaaaaa1')
  const many = convert('human session')
  assert.equal(many.activity_name, 'Delete')
  assert.equal(many.resources.length, 2)
  assert.deepEqual(many.api.request.flags, ['managementEvent', 'sessionCredentialFromConsole'])
})

test('a service that calls: no address, the function called upon is the workload', () => {
  const event = convert('service invokes a function')
  assert.deepEqual(event.src_endpoint, { svc_name: 'scheduler.amazonaws.com', domain: 'scheduler.amazonaws.com' })
  assert.deepEqual(event.actor.user, { name: 'scheduler.amazonaws.com', type: 'AWSService', type_id: 4 })
  assert.equal(event.actor.invoked_by, 'scheduler.amazonaws.com')
  assert.equal(event.activity_id, 99)
  assert.equal(event.activity_name, 'Invoke')
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
})

test('sign-ins are Authentication: failure, MFA, root', () => {
  const failed = convert('console login failed')
  assert.equal(failed.class_uid, 3002)
  assert.equal(failed.activity_name, 'Logon')
  assert.equal(failed.status, 'Failure')
  assert.equal(failed.user.name, 'bob')
  assert.equal(failed.is_mfa, true)
  assert.equal(failed.http_request.url.url_string.startsWith('https://console.aws.amazon.com/'), true)
  assert.equal(failed.unmapped?.['additionalEventData.MobileVersion'], 'No')
  const root = convert('root login')
  assert.equal(root.status, 'Success')
  assert.equal(root.user.type, 'Root')
  assert.equal(root.user.type_id, 2)
  assert.equal(root.is_mfa, false)
})

test('an assumed role: who switched to whom, and the credentials that came of it', () => {
  const event = convert('role assumed')
  assert.equal(event.class_uid, 3002)
  assert.equal(event.activity_name, 'Account Switch')
  assert.equal(event.actor.user.name, 'alice')
  assert.equal(event.user.uid, 'arn:aws:sts::210987654321:assumed-role/Deploy/ci')
  assert.deepEqual(event.session, {
    uid: 'ci',
    issuer: 'arn:aws:iam::210987654321:role/Deploy',
    credential_uid: 'ASIAEXAMPLENEW000001',
    expiration_time: Date.UTC(2026, 0, 12, 9, 30, 15),
  })
  assert.equal(event.metadata.correlation_uid, '11111111-0000-4000-8000-000000000001')
  const refused = convert('role refused')
  assert.equal(refused.status, 'Failure')
  assert.equal(refused.user.name, 'Deploy')
  const web = convert('federated web identity')
  assert.equal(web.auth_protocol, 'OpenID')
  assert.deepEqual(web.actor.idp, { name: 'accounts.example.com' })
})

test('the remaining identities: Identity Center, another account behind a VPC endpoint', () => {
  const person = convert('identity center user')
  assert.equal(person.actor.user.uid, '544894e8-80c1-707f-60e3-3ba6510dfac1')
  assert.equal(person.actor.user.credential_uid, 'CRED1')
  const other = convert('vpc endpoint denial')
  assert.equal(other.actor.user.account.uid, '999999999999')
  assert.deepEqual(other.src_endpoint, { ip: '10.0.0.8', uid: 'vpce-1', owner: { account: { uid: '123456789012' } } })
})

test('envelopes: Records, EventBridge, CloudTrail Lake, LookupEvents', () => {
  const one = given('trail stopped')
  const two = given('instance session')
  assert.equal(eventsOf(cloudtrail, { Records: [one, two] }).length, 2)
  const bridge = eventOf(cloudtrail, { version: '0', 'detail-type': 'AWS API Call via CloudTrail', detail: one })
  assert.equal(bridge.api.operation, 'StopLogging')
  assert.deepEqual(bridge.unmapped?.envelope, { version: '0', 'detail-type': 'AWS API Call via CloudTrail' })
  assert.equal(eventOf(cloudtrail, { eventData: one }).api.operation, 'StopLogging')
  assert.equal(eventOf(cloudtrail, { eventData: JSON.stringify(one) }).api.operation, 'StopLogging')
  const lookup = { Events: [{ EventId: 'x', CloudTrailEvent: JSON.stringify(two) }] }
  assert.equal(eventOf(cloudtrail, lookup).api.operation, 'GetCallerIdentity')
  assert.equal(cloudtrail.split?.({ Records: [one, two, 7] })?.length, 3)
  assert.equal(cloudtrail.split?.(one), undefined)
  assert.match(refusalOf(cloudtrail, { Records: [one, 7] }), /^not_cloudtrail: /)
})

test('a value of a wrong type costs its field; what cannot be a call is refused with the path', () => {
  const record = given('stolen credentials of a function')
  const refuse = (change: object) => refusalOf(cloudtrail, { ...record, ...change })
  const kept = (change: object) => unmappedOf(cloudtrail, { ...record, ...change })
  assert.match(refuse({ eventName: true }), /^wrong_type: eventName: required, expected a string, found boolean true/)
  assert.match(refuse({ eventName: 42 }), /^wrong_type: eventName: required, expected a string, found number 42/)
  assert.deepEqual(kept({ awsRegion: [1, 2] }).awsRegion, [1, 2])
  assert.equal(kept({ userIdentity: 'alice' }).userIdentity, 'alice')
  const userIdentity = record.userIdentity as object
  const odd = { ...userIdentity, accountId: true, sessionContext: { attributes: { mfaAuthenticated: 1 } } }
  const unmapped = kept({ userIdentity: odd })
  assert.equal(unmapped['userIdentity.accountId'], true)
  assert.equal(unmapped['userIdentity.sessionContext.attributes.mfaAuthenticated'], 1)
  assert.deepEqual(kept({ eventName: 'ListUsers', resources: [7] }).resources, [7])
  const many = Array.from({ length: 65 }, (_, n) => ({ ARN: `arn:aws:iam::123456789012:user/u${n}` }))
  assert.equal((kept({ eventName: 'ListUsers', resources: many }).resources as unknown[]).length, 65)
  const digits = eventOf(cloudtrail, { ...record, userIdentity: { ...userIdentity, accountId: 123456789012 } })
  assert.equal(digits.actor.user.account.uid, '123456789012')
  assert.match(refuse({ eventTime: '9999-12-31T00:00:00Z' }), /^bad_time: eventTime/)
  assert.match(refuse({ eventSource: null, awsRegion: null }), /^not_cloudtrail: eventSource: required/)
})

test('what services say beside the record: the object stored, factors of a sign-in, the person behind a session', () => {
  const stored = convert('object stored')
  assert.deepEqual(stored.http_request, { user_agent: '[aws-cli/2.30]', uid: 'lK3vEXAMPLE=', body_length: 1024 })
  assert.equal(stored.actor.session.uid_alt, 'alice@example.org')
  assert.equal(stored.actor.idp.uid, 'arn:aws:identitystore::123456789012:identitystore/d-9067')
  assert.equal(stored.metadata.original_event_uid, '0a0b0c0d-0000-4000-8000-000000000100')
  const refused = convert('password of identity center refused')
  assert.deepEqual([refused.class_uid, refused.status, refused.user.name], [CLASS.authentication, 'Failure', 'alice'])
  assert.deepEqual(refused.auth_factors, [{ factor_type_id: 11, factor_type: 'PASSWORD' }])
  const login = convert('console login with a second factor')
  const device = { uid: 'arn:aws:iam::123456789012:mfa/alice', type_id: 0 }
  assert.deepEqual(login.auth_factors, [{ factor_type_id: 7, device }])
  assert.equal(login.http_request.url.url_string, 'https://eu-central-1.console.aws.amazon.com/console/home')
  assert.equal(login.is_mfa, true)
  const made = convert('user made')
  assert.deepEqual([made.class_uid, made.activity_name, made.user.name], [CLASS.account_change, 'Create', 'mallory'])
  assert.deepEqual(made.http_request.http_headers, [{ name: 'Host', value: 'iam.amazonaws.com' }])
})

test('a record without a readable time is kept at the time of receipt', () => {
  const record = given('trail stopped')
  const event = eventOf(cloudtrail, { ...record, eventTime: 'redacted', eventID: null })
  assert.equal(event.time, RECEIVED)
  assert.equal(event.metadata.original_time, 'redacted')
  assert.match(event.metadata.uid ?? '', /^00000000-0000-7/)
})

test('fields without a home stay under their path', () => {
  const event = eventOf(cloudtrail, { ...given('trail stopped'), addendum: { reason: 'DELIVERY_DELAY' }, extra: 1 })
  assert.deepEqual(event.unmapped, { readOnly: false, 'addendum.reason': 'DELIVERY_DELAY', extra: 1 })
})

test('activities from verbs', () => {
  const cases: [string, boolean | undefined, number][] = [
    ['CreateBucket', false, 1],
    ['RunInstances', undefined, 1],
    ['PutObject', undefined, 1],
    ['BatchGetItem', undefined, 2],
    ['HeadObject', undefined, 2],
    ['Query', true, 2],
    ['PutBucketPolicy', false, 3],
    ['UpdateFunctionCode20150331v2', false, 3],
    ['BatchWriteItem', false, 3],
    ['ScheduleKeyDeletion', false, 4],
    ['TerminateInstances', false, 4],
    ['Invoke', false, 99],
    ['constructor', undefined, 99],
    ['', undefined, 99],
  ]
  for (const [operation, readOnly, activity] of cases)
    assert.equal(apiActivity(operation, readOnly), activity, operation)
})

test('changes of a user are Account Change: whose account, which policy', () => {
  const call = (eventName: string, requestParameters: object, responseElements: object | null = null) =>
    eventOf(cloudtrail, {
      ...given('user reads a secret and is refused'),
      eventSource: 'iam.amazonaws.com',
      errorCode: null,
      errorMessage: null,
      readOnly: false,
      eventName,
      requestParameters,
      responseElements,
    })
  const user = { userName: 'bob', arn: 'arn:aws:iam::123456789012:user/bob', userId: 'AIDABOB' }
  const created = call('CreateUser', { userName: 'bob' }, { user })
  assert.equal(created.class_uid, 3001)
  assert.equal(created.activity_name, 'Create')
  assert.equal(created.actor.user.name, 'alice')
  assert.equal(created.user.uid, 'arn:aws:iam::123456789012:user/bob')
  assert.equal(created.status, 'Success')
  assert.equal(created.api.operation, 'CreateUser')
  const attached = call('AttachUserPolicy', {
    userName: 'bob',
    policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
  })
  assert.equal(attached.activity_name, 'Attach Policy')
  assert.deepEqual(attached.policies, [{ uid: 'arn:aws:iam::aws:policy/AdministratorAccess' }])
  assert.equal(call('ChangePassword', {}).user.name, 'alice')
  assert.equal(call('DeactivateMFADevice', { userName: 'bob' }).activity_name, 'MFA Factor Disable')
  assert.equal(call('CreateAccessKey', { userName: 'bob' }).class_uid, 6003)
})

test('an insight is a finding of AWS that is closed when it ends', () => {
  const record = {
    eventVersion: '1.08',
    eventTime: '2026-01-12T08:30:00Z',
    awsRegion: 'eu-central-1',
    eventID: '00000000-0000-4000-8000-00000000aaaa',
    eventType: 'AwsCloudTrailInsight',
    recipientAccountId: '123456789012',
    sharedEventID: '00000000-0000-4000-8000-00000000bbbb',
    insightDetails: {
      state: 'End',
      eventSource: 'ssm.amazonaws.com',
      eventName: 'UpdateInstanceInformation',
      insightType: 'ApiCallRateInsight',
      insightContext: {
        statistics: {
          baseline: { average: 84.4 },
          insight: { average: 664 },
          insightDuration: 1,
          baselineDuration: 11459,
        },
        attributions: [],
      },
    },
    eventCategory: 'Insight',
  }
  const event = eventOf(cloudtrail, record)
  assert.equal(event.class_uid, 2004)
  assert.equal(event.activity_name, 'Close')
  assert.equal(event.status, 'Resolved')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30))
  assert.equal(event.finding_info.uid, '00000000-0000-4000-8000-00000000bbbb')
  assert.equal(event.evidences[0].api.operation, 'UpdateInstanceInformation')
  assert.deepEqual(event.evidences[0].data, { baseline_average: 84.4, insight_average: 664 })
  assert.equal(event.duration, 60_000)
  assert.ok(cloudtrail.detect(record) > 0.8)
})

test('columns in lower case are the same record', () => {
  const record = given('stolen credentials of a function')
  const lower = Object.fromEntries(
    Object.entries({ ...record, useridentity: record.userIdentity, userIdentity: undefined })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key.toLowerCase(), value]),
  )
  const event = eventOf(cloudtrail, lower)
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.deepEqual(
    Object.keys(event.unmapped ?? {}),
    Object.keys(convert('stolen credentials of a function').unmapped ?? {}),
  )
})

test('exports without the service, and with accounts as numbers, are still calls', () => {
  const { eventSource: _, ...record } = given('user reads a secret and is refused')
  assert.equal(surest(record), 'cloudtrail')
  const userIdentity = { ...(record.userIdentity as object), accountId: 123456789012 }
  const event = eventOf(cloudtrail, { ...record, userIdentity, recipientAccountId: 123456789012 })
  assert.equal(event.status, 'Failure')
  assert.equal(event.api.operation, 'GetSecretValue')
  assert.equal(event.actor.user.account.uid, '123456789012')
  assert.equal(event.cloud.account.uid, '123456789012')
})

test('the root user has a name; an instance that was launched is target and workload', () => {
  const root = { type: 'Root', principalId: '123456789012', arn: 'arn:aws:iam::123456789012:root' }
  const event = eventOf(cloudtrail, {
    ...given('one instance stopped'),
    userIdentity: root,
    eventName: 'RunInstances',
    requestParameters: { instancesSet: { items: [{ imageId: 'ami-1' }] } },
    responseElements: { instancesSet: { items: [{ instanceId: 'i-0123456789abcdef0', imageId: 'ami-1' }] } },
  })
  assert.equal(event.actor.user.name, 'root')
  assert.equal(event.workload?.uid, 'vm/i-0123456789abcdef0')
  // Digits at the end of an id are no number of a machine among alike ones.
  assert.equal(event.workload?.group, 'i-0123456789abcdef0')
  assert.ok((event.resources as any[]).some(({ uid }) => uid === 'i-0123456789abcdef0'))
})

test('verbs that say what a call does', () => {
  const activities = ['SendCommand', 'Encrypt', 'IncreaseReplicaCount', 'ExpireSession', 'InvokeModel']
  assert.deepEqual(
    activities.map((operation) => apiActivity(operation, false)),
    [1, 2, 3, 4, 99],
  )
})

test('what a call is about: what its name says, what is known, what it made', () => {
  const named = (eventName: string, service: string, requestParameters: object, responseElements?: object) => {
    const record = { ...given('one instance stopped'), eventName, requestParameters, responseElements }
    const event = eventOf(cloudtrail, { ...record, eventSource: `${service}.amazonaws.com` })
    return ((event.resources ?? []) as any[]).map(({ type, uid, name }) => [type, uid, name].join(' '))
  }
  const arn = 'arn:aws:iam::123456789012:role/backup'
  const cases: [string[], ReturnType<typeof named>][] = [
    [['AWS::EC2::RouteTable rtb-1 '], named('CreateRoute', 'ec2', { routeTableId: 'rtb-1', gatewayId: 'igw-1' })],
    [
      ['AWS::EC2::SecurityGroup sg-1 web', 'AWS::EC2::VPC vpc-1 '],
      named('CreateSecurityGroup', 'ec2', { groupName: 'web', vpcId: 'vpc-1' }, { groupId: 'sg-1', requestId: 'r' }),
    ],
    [[`AWS::IAM::Role ${arn} backup`], named('CreateRole', 'iam', { roleName: 'backup' }, { role: { arn } })],
    [
      ['AWS::IAM::Role  backup', 'AWS::IAM::Policy arn:aws:iam::aws:policy/AdministratorAccess '],
      named('AttachRolePolicy', 'iam', {
        policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
        roleName: 'backup',
      }),
    ],
    [
      ['TrafficMirrorTarget tmt-1 ', 'AWS::EC2::NetworkInterface eni-1 '],
      named(
        'CreateTrafficMirrorTarget',
        'ec2',
        { CreateTrafficMirrorTargetRequest: { NetworkInterfaceId: 'eni-1', ClientToken: 'c' } },
        { CreateTrafficMirrorTargetResponse: { trafficMirrorTarget: { trafficMirrorTargetId: 'tmt-1' } } },
      ),
    ],
    [
      ['Session alice-1 ', 'AWS::EC2::Instance i-0123456789ABCDEF0 '],
      named('StartSession', 'ssm', { target: 'i-0123456789ABCDEF0' }, { sessionId: 'alice-1' }),
    ],
    [
      ['AWS::RDS::DBSnapshot  prod', 'AWS::RDS::DBSnapshot  copy'],
      named('CopyDBSnapshot', 'rds', {
        sourceDBSnapshotIdentifier: 'prod',
        targetDBSnapshotIdentifier: 'copy',
      }),
    ],
    [
      ['AWS::SecretsManager::Secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db '],
      named(
        'PutResourcePolicy',
        'secretsmanager',
        { secretId: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db' },
        { arn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db', name: 'db' },
      ),
    ],
    [['AWS::EKS::Cluster  prod'], named('DescribeCluster', 'eks', { name: 'prod' })],
    [
      ['Guardrail g-1 '],
      named('DeleteGuardrail', 'bedrock', { guardrailId: 'g-1', name: 'HIDDEN_DUE_TO_SECURITY_REASONS' }),
    ],
    [
      ['AWS::S3::Object arn:aws:s3:::pictures/a.png ', 'AWS::S3::Bucket  pictures'],
      named('GetObject', 's3', { bucketName: 'pictures', key: 'a.png' }),
    ],
    [[], named('DescribeInstances', 'ec2', { maxResults: 100, filterSet: { items: [{ name: 'vpc-id' }] } })],
  ]
  for (const [expected, found] of cases) assert.deepEqual(found, expected)
})

test('the ARN names the caller where nothing else does', () => {
  const arn = 'arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0'
  const called = (userIdentity: object) => eventOf(cloudtrail, { ...given('one instance stopped'), userIdentity })
  const session = called({ type: 'AssumedRole', arn, accountId: '123456789012' })
  assert.equal(session.actor.user.name, 'web')
  assert.equal(session.actor.session.uid, 'i-0123456789abcdef0')
  assert.equal(session.workload?.uid, 'vm/i-0123456789abcdef0')
  const user = called({ type: 'IAMUser', arn: 'arn:aws:iam::123456789012:user/ops/alice' })
  assert.equal(user.actor.user.name, 'alice')
})
