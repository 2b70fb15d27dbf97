/**
 * Makes a byte of each pixel of four bits: two pixels a byte, the first in the upper half.
 *
 * @param packed - Has to hold half as many bytes as `pixels`, rounded up.
 * @param pixels - Filled whole, values 0 to 15.
 *
 * Source: slsDetectorPackage, qDrawPlot::toDoublePixelData.
 */
export function unpackFourBit(packed: Uint8Array, pixels: Uint8Array): void {
  const whole = pixels.length >> 1;
  for (let index = 0; index < whole; index += 1) {
    const pair = packed[index] as number;
    pixels[2 * index] = pair >> 4;
    pixels[2 * index + 1] = pair & 15;
  }
  if (pixels.length % 2 === 1) pixels[pixels.length - 1] = (packed[whole] as number) >> 4;
}
