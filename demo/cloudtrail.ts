import type { Random } from './random.js'
import { ACCOUNT, FUNCTION, REGION, ROLE } from './world.js'

type Call = {
  service: string
  operation: string
  read_only: boolean
  /** Where the call came from; a service name for calls by AWS itself. */
  ip: string
  user_agent: string
  request?: object
  error?: { code: string; message: string }
}

function envelope(random: Random, time: number, call: Call) {
  const uuid = [8, 4, 4, 4, 12].map((length) => random.hex(length)).join('-')
  return {
    eventVersion: '1.11',
    eventTime: new Date(time).toISOString().replace('.000Z', 'Z'),
    eventSource: `${call.service}.amazonaws.com`,
    eventName: call.operation,
    awsRegion: REGION,
    sourceIPAddress: call.ip,
    userAgent: call.user_agent,
    ...(call.error ? { errorCode: call.error.code, errorMessage: call.error.message } : {}),
    requestParameters: call.request ?? null,
    responseElements: null,
    requestID: random.hex(16),
    eventID: uuid,
    readOnly: call.read_only,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: 'Management',
  }
}

/** A CloudTrail record of a call made with the function's role: by the function, or by whoever holds its credentials. */
export function roleCall(random: Random, time: number, call: Call) {
  const { eventVersion, ...rest } = envelope(random, time, call)
  return {
    eventVersion,
    userIdentity: {
      type: 'AssumedRole',
      principalId: `AROAW7EXAMPLEDEMO4ROL:${FUNCTION}`,
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${ROLE}/${FUNCTION}`,
      accountId: ACCOUNT,
      accessKeyId: 'ASIAW7EXAMPLEDEMOKEY',
      sessionContext: {
        sessionIssuer: {
          type: 'Role',
          principalId: 'AROAW7EXAMPLEDEMO4ROL',
          arn: `arn:aws:iam::${ACCOUNT}:role/${ROLE}`,
          accountId: ACCOUNT,
          userName: ROLE,
        },
        attributes: {
          creationDate: new Date(time - 1_200_000).toISOString().replace('.000Z', 'Z'),
          mfaAuthenticated: 'false',
        },
      },
    },
    ...rest,
  }
}

/** A CloudTrail data event: the scheduler invokes the function. */
export function invocation(random: Random, time: number) {
  const record = envelope(random, time, {
    service: 'lambda',
    operation: 'Invoke',
    read_only: false,
    ip: 'scheduler.amazonaws.com',
    user_agent: 'scheduler.amazonaws.com',
    request: { functionName: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${FUNCTION}`, invocationType: 'Event' },
  })
  const { eventVersion, ...rest } = record
  return {
    eventVersion,
    userIdentity: { type: 'AWSService', invokedBy: 'scheduler.amazonaws.com' },
    ...rest,
    managementEvent: false,
    eventCategory: 'Data',
    resources: [
      {
        accountId: ACCOUNT,
        type: 'AWS::Lambda::Function',
        ARN: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${FUNCTION}`,
      },
    ],
  }
}
