//! The figures of a scheme at one moment.

/// What `vPortGetHeapStats` reports, in the words of this crate. Sizes count headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStats {
    /// The sum of all free blocks (`xAvailableHeapSpaceInBytes`). They may lie apart.
    pub free_bytes: usize,
    /// The largest free block (`xSizeOfLargestFreeBlockInBytes`); 0 when there is none.
    pub largest_free_bytes: usize,
    /// The smallest free block (`xSizeOfSmallestFreeBlockInBytes`); 0 when there is none.
    pub smallest_free_bytes: usize,
    /// How many free blocks there are (`xNumberOfFreeBlocks`).
    pub free_count: usize,
    /// The least that was ever free (`xMinimumEverFreeBytesRemaining`). A stretch added later
    /// counts as though it had been there from the beginning.
    pub minimum_ever_free_bytes: usize,
    /// Requests that were granted (`xNumberOfSuccessfulAllocations`).
    pub allocation_count: usize,
    /// Blocks that were given back (`xNumberOfSuccessfulFrees`).
    pub deallocation_count: usize,
    /// Frees that were refused: foreign, inside a block, or given back already. FreeRTOS stops
    /// there with an assertion, or goes on.
    pub refused_count: usize,
}
