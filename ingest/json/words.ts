/** Longest text that is remembered, bytes. */
export const MAX_WORD = 60
const STRIDE = 64
const COUNT = 8192

/**
 * Texts that were met lately, by their bytes: the names of a stream are few and come again and again, and a text that is
 * there already need not be made, hashed and collected again. Each has one place; who comes later takes it over. Whatever a
 * sender makes collide costs a comparison, never a wrong text.
 */
export class Words {
  /** The texts by their place; what was admitted last is there after `settle`. */
  readonly texts: string[] = new Array<string>(COUNT).fill('')
  readonly #bytes = new DataView(new ArrayBuffer(COUNT * STRIDE))
  readonly #hashes = new Int32Array(COUNT)
  readonly #lengths = new Int32Array(COUNT).fill(-1)
  /** In which batch it was admitted, and its number among the fresh values of that batch. */
  readonly #batches = new Int32Array(COUNT)
  readonly #numbers = new Int32Array(COUNT)
  readonly #admitted: number[] = []
  #batch = 1

  /**
   * Where the text of `length` bytes at `from` is: its place, ~ its number among the fresh values of this batch, or `undefined`
   * after it was admitted under `number`, which the caller then gives it. Three bytes behind the text are read.
   */
  find(view: DataView, from: number, length: number, number: number): number | undefined {
    const whole = from + (length & ~3)
    let hash = length
    for (let at = from; at < whole; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x5bd1e995)
      hash ^= hash >>> 15
    }
    const rest = view.getInt32(whole, true) & ((1 << ((length & 3) << 3)) - 1)
    hash = Math.imul(hash ^ rest, 0x5bd1e995)
    hash ^= hash >>> 13
    const place = hash & (COUNT - 1)
    if (
      this.#hashes[place] === hash &&
      this.#lengths[place] === length &&
      this.#holds(place, view, from, whole, rest)
    ) {
      return this.#batches[place] === this.#batch ? ~(this.#numbers[place] as number) : place
    }
    this.#admit(place, view, from, whole, rest)
    this.#hashes[place] = hash
    this.#lengths[place] = length
    this.#numbers[place] = number
    return undefined
  }

  #holds(place: number, view: DataView, from: number, whole: number, rest: number): boolean {
    const bytes = this.#bytes
    let at = place * STRIDE
    for (let other = from; other < whole; other += 4, at += 4) {
      if (bytes.getInt32(at, true) !== view.getInt32(other, true)) return false
    }
    return bytes.getInt32(at, true) === rest
  }

  #admit(place: number, view: DataView, from: number, whole: number, rest: number) {
    const bytes = this.#bytes
    let at = place * STRIDE
    for (let other = from; other < whole; other += 4, at += 4) bytes.setInt32(at, view.getInt32(other, true), true)
    bytes.setInt32(at, rest, true)
    this.#batches[place] = this.#batch
    this.#admitted.push(place)
  }

  /** Ends the batch: its fresh values are these, or they could not be made and whoever was admitted is forgotten. */
  settle(fresh: readonly unknown[] | undefined) {
    for (const place of this.#admitted) {
      if (fresh) this.texts[place] = fresh[this.#numbers[place] as number] as string
      else this.#lengths[place] = -1
    }
    this.#admitted.length = 0
    this.#batch = (this.#batch + 1) | 0
  }
}
