import type { z } from 'zod'
import { WeirError } from './errors.js'

/** The five kinds of component a folder can offer. */
export type ComponentKind = 'collector' | 'format' | 'model' | 'detector' | 'action'

/** What every component says about itself; docs, config validation, CLI listings and metric labels come from it. */
export type Definition<Config extends z.ZodType> = {
  /** snake_case, equal to the file name. */
  readonly name: string
  /** One line for listings. */
  readonly summary: string
  /** A strict zod object; every field has a description, and a default where one makes sense. */
  readonly config: Config
  /** A smallest realistic configuration: shown in the docs, and the conformance test builds the component from it. */
  readonly example: z.input<Config>
}

export type Registry<D> = {
  readonly kind: ComponentKind
  /** All definitions, in the order they are listed. */
  readonly all: readonly D[]
  /** The definition with this name. Throws `config_invalid` naming the known ones. */
  find(name: string): D
}

/** A registry from an explicit list. Throws if a name is used twice or is not snake_case. */
export function registry<D extends { readonly name: string }>(kind: ComponentKind, all: readonly D[]): Registry<D> {
  const byName = new Map<string, D>()
  for (const definition of all) {
    if (!/^[a-z][a-z0-9_]*$/.test(definition.name)) {
      throw new WeirError('internal', `${kind} name "${definition.name}" is not snake_case`)
    }
    if (byName.has(definition.name)) throw new WeirError('internal', `two ${kind}s are named "${definition.name}"`)
    byName.set(definition.name, definition)
  }
  return {
    kind,
    all,
    find(name) {
      const definition = byName.get(name)
      if (definition) return definition
      throw new WeirError('config_invalid', `there is no ${kind} "${name}"`, {
        hint: `Known: ${[...byName.keys()].join(', ')}.`,
      })
    },
  }
}
