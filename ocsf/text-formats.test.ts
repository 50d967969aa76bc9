import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isIp, isMac, isUuid } from './text-formats.js'

test('agrees with Node about what an address is', () => {
  const samples = [
    ...['0.0.0.0', '255.255.255.255', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1..2.3', '1.2.3.', '.1.2.3', ''],
    ...[
      '::',
      '::1',
      '1::',
      '1:2:3:4:5:6:7:8',
      '1:2:3:4:5:6:7::',
      '::2:3:4:5:6:7:8',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7',
    ],
    ...[
      ':1',
      '1:',
      ':::',
      '1:::2',
      '1::2::3',
      'fe80::1%eth0',
      'fe80::1%',
      '12345::',
      'g::',
      '::ffff:1.2.3.4',
      '::1.2.3.4',
    ],
    ...[
      '1:2:3:4:5:6:1.2.3.4',
      '1:2:3:4:5:6:7:1.2.3.4',
      '1.2.3.4::',
      '::1.2.3',
      '1::2:',
      ':',
      '1',
      'abcd',
      '::1 ',
      ' ::1',
    ],
    ...['1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1:2:3::5:6:7:8', 'FFFF::ABCD', '10.0.0.1/8', '10.0.0.1%eth0'],
  ]
  for (const text of samples) assert.equal(isIp(text), isIP(text) !== 0, JSON.stringify(text))
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => isIp(text)),
    { numRuns: 2000 },
  )
  const near = fc.array(fc.constantFrom(':', '::', '.', '0', '1', 'ff', '255', '256', '%'), { maxLength: 17 })
  fc.assert(
    fc.property(near, (parts) => isIp(parts.join('')) === (isIP(parts.join('')) !== 0)),
    { numRuns: 20_000 },
  )
})

test('knows MAC addresses and UUIDs', () => {
  assert.ok(isMac('00:1A:2b:3c:4d:5e') && isMac('00-1a-2b-3c-4d-5e'))
  assert.ok(!isMac('00:1a:2b:3c:4d') && !isMac('001a2b3c4d5e'))
  assert.ok(isUuid('01A0C450-6c00-7709-bf0e-79a24742d4c0'))
  assert.ok(!isUuid('01a0c4506c007709bf0e79a24742d4c0') && !isUuid('01a0c450-6c00-7709-bf0e-79a24742d4cg'))
})
