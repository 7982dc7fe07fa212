//! The first partition and its FAT, checked before anybody computes with their figures.

use embedded_sdmmc::{Block, BlockDevice, BlockIdx};

use crate::CardError;

const BLOCK_BYTES: u32 = Block::LEN_U32;
const SIGNATURE: u16 = 0xAA55;
/// FAT16 and FAT32, by cylinders and by blocks.
const TYPES: [u8; 5] = [0x04, 0x06, 0x0B, 0x0C, 0x0E];
/// Of clusters: below it is FAT12, which nobody here reads.
const FAT16_CLUSTERS: u32 = 4085;
/// From so many clusters on it is FAT32.
const FAT32_CLUSTERS: u32 = 65_525;

/// What is where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    /// The first block behind the partition.
    pub(crate) end_block: u32,
    /// Clusters are numbered from 2 up to here.
    pub(crate) end_cluster: u32,
    pub(crate) cluster_bytes: u32,
    /// Is it FAT32? Else it is FAT16.
    pub(crate) is_32: bool,
}

impl Volume {
    /// Reads and checks the partition table and the partition's first block.
    pub(crate) fn read<D: BlockDevice<Error = CardError>>(device: &D) -> Result<Self, CardError> {
        let card_blocks = device.num_blocks()?.0;
        let mut blocks = [Block::new()];
        device.read(&mut blocks, BlockIdx(0))?;
        let table = Fields(&blocks[0].contents);
        let none = |what| Err(CardError::NoFileSystem { what });
        if table.half(510) != SIGNATURE {
            return none("no partition table");
        }
        if !TYPES.contains(&table.byte(446 + 4)) {
            return none("the first partition is not FAT16 or FAT32");
        }
        let (start_block, block_count) = (table.word(446 + 8), table.word(446 + 12));
        let end_block = start_block.checked_add(block_count).filter(|&end| end <= card_blocks);
        let Some(end_block) = end_block.filter(|_| start_block != 0 && block_count != 0) else {
            return Err(CardError::Damaged { what: "the partition is larger than the card" });
        };
        device.read(&mut blocks, BlockIdx(start_block))?;
        Self::in_partition(&Fields(&blocks[0].contents), block_count, end_block)
    }

    /// Can what `entry` describes be where it says?
    pub(crate) fn check(&self, entry: &Fields<'_>, offset: usize) -> Result<(), CardError> {
        let high = if self.is_32 { u32::from(entry.half(offset + 20)) << 16 } else { 0 };
        let cluster = high | u32::from(entry.half(offset + 26));
        let len_bytes = entry.word(offset + 28);
        let is_folder = entry.byte(offset + 11) & 0x10 != 0;
        let is_good = match cluster {
            0 => len_bytes == 0 && !is_folder,
            _ => (2..self.end_cluster).contains(&cluster),
        };
        if !is_good {
            return Err(CardError::Damaged { what: "a file begins nowhere" });
        }
        if len_bytes.div_ceil(self.cluster_bytes) > self.end_cluster - 2 {
            return Err(CardError::Damaged { what: "a file is larger than the card" });
        }
        Ok(())
    }

    /// From the partition's first block.
    fn in_partition(
        boot: &Fields<'_>,
        partition_blocks: u32,
        end_block: u32,
    ) -> Result<Self, CardError> {
        let damaged = |what| Err(CardError::Damaged { what });
        if boot.half(510) != SIGNATURE {
            return damaged("the partition's first block has no signature");
        }
        if u32::from(boot.half(11)) != BLOCK_BYTES {
            return damaged("the blocks have not 512 bytes");
        }
        let blocks_per_cluster = u32::from(boot.byte(13));
        if !blocks_per_cluster.is_power_of_two() {
            return damaged("the size of a cluster");
        }
        let either = |short: u16, long: u32| if short == 0 { long } else { u32::from(short) };
        let reserved = u64::from(boot.half(14));
        let table_count = u64::from(boot.byte(16));
        let table_blocks = either(boot.half(22), boot.word(36));
        let root_blocks = (u64::from(boot.half(17)) * 32).div_ceil(u64::from(BLOCK_BYTES));
        let total_blocks = either(boot.half(19), boot.word(32));
        if total_blocks > partition_blocks {
            return damaged("the file system is larger than its partition");
        }
        if reserved == 0 || !(1..=2).contains(&table_count) {
            return damaged("the number of its tables");
        }
        let before = reserved + table_count * u64::from(table_blocks) + root_blocks;
        let Some(data_blocks) = u64::from(total_blocks).checked_sub(before) else {
            return damaged("its tables are larger than itself");
        };
        let cluster_count = data_blocks as u32 / blocks_per_cluster;
        if cluster_count < FAT16_CLUSTERS {
            return Err(CardError::NoFileSystem { what: "it is FAT12" });
        }
        let is_32 = cluster_count >= FAT32_CLUSTERS;
        let entry_bytes = if is_32 { 4 } else { 2 };
        if u64::from(table_blocks) * u64::from(BLOCK_BYTES)
            < u64::from(cluster_count + 2) * entry_bytes
        {
            return damaged("its tables do not hold all clusters");
        }
        let end_cluster = cluster_count + 2;
        if is_32 && !(2..end_cluster).contains(&boot.word(44)) {
            return damaged("the first folder begins nowhere");
        }
        if is_32 && !(1..reserved).contains(&u64::from(boot.half(48))) {
            return damaged("the block of free clusters lies nowhere");
        }
        Ok(Self { end_block, end_cluster, cluster_bytes: blocks_per_cluster * BLOCK_BYTES, is_32 })
    }
}

/// A block's little-endian fields.
pub(crate) struct Fields<'b>(pub(crate) &'b [u8; Block::LEN]);

impl Fields<'_> {
    fn byte(&self, offset: usize) -> u8 {
        self.0[offset]
    }

    pub(crate) fn half(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.0[offset], self.0[offset + 1]])
    }

    fn word(&self, offset: usize) -> u32 {
        u32::from(self.half(offset)) | u32::from(self.half(offset + 2)) << 16
    }
}
